import { useState } from 'preact/hooks';
import { goTo } from '../app/route';
import { t } from '../i18n';
import { Birds } from '../timeline/EmptyRoom';
import { ROOM_NAME } from './name';
import { useServerRooms } from './Switcher';

/** For who is in no room: what a room is, and how to come into one. */
export function NoRooms() {
  const [name, setName] = useState('general');
  const [bad, setBad] = useState(false);
  const others = useServerRooms().slice(0, 12);
  const onSubmit = (event: Event) => {
    event.preventDefault();
    if (ROOM_NAME.test(name.trim())) goTo(name.trim());
    else setBad(true);
  };
  return (
    <div class="empty no-rooms" data-empty>
      <Birds />
      <h1>{t('rooms.none')}</h1>
      <p>{t('rooms.noneHelp')}</p>
      <form onSubmit={onSubmit} noValidate>
        <label for="first-room">{t('rooms.nameLabel')}</label>
        <span class="field-with-button">
          <input
            id="first-room"
            name="room"
            value={name}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            aria-describedby="first-room-hint"
            aria-invalid={bad}
            onInput={(event) => {
              setName(event.currentTarget.value);
              setBad(false);
            }}
          />
          <button type="submit" class="primary">
            {t('rooms.enter')}
          </button>
        </span>
        <small id="first-room-hint" role={bad ? 'alert' : undefined} class={bad ? 'form-error' : 'hint'}>
          {bad ? t('rooms.nameBad', { room: name }) : t('rooms.nameHint')}
        </small>
      </form>
      {others.length > 0 && (
        <section>
          <h2>{t('rooms.onServer')}</h2>
          <ul class="suggestions">
            {others.map((roomId) => (
              <li key={roomId}>
                <button type="button" onClick={() => goTo(roomId)}>
                  <bdi>{roomId}</bdi>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
