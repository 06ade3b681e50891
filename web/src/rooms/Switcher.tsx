// Going to a room by its name: a text field with a list of choices (the combobox pattern). A name
// that nobody has used yet is a choice, too.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from '../app/Dialog';
import { sidebarOpen, switcherOpen } from '../app/panels';
import { goTo } from '../app/route';
import { t } from '../i18n';
import { client } from '../session/client';
import { choicesFor, type Choice } from './choices';
import { rooms } from './rooms';

export function Switcher() {
  return (
    <Dialog open={switcherOpen} label={t('switcher.title')} class="switcher">
      <Chooser />
    </Dialog>
  );
}

function Chooser() {
  const [typed, setTyped] = useState('');
  const [picked, setPicked] = useState(0);
  const others = useServerRooms();
  const list = useRef<HTMLUListElement>(null);
  const choices = choicesFor(typed, rooms.value, others);
  const active = Math.min(picked, choices.length - 1);

  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  const go = (choice: Choice | undefined) => {
    if (!choice) return;
    switcherOpen.value = false;
    sidebarOpen.value = false;
    goTo(choice.roomId);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setPicked((active + step + choices.length) % Math.max(1, choices.length));
    else if (event.key === 'Enter') go(choices[active]);
    else return;
    event.preventDefault();
  };
  return (
    <div data-switcher>
      <input
        class="switcher-field"
        role="combobox"
        aria-label={t('switcher.label')}
        aria-expanded="true"
        aria-controls="switcher-choices"
        aria-autocomplete="list"
        aria-activedescendant={choices.length > 0 ? `choice-${active}` : undefined}
        placeholder={t('switcher.placeholder')}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        maxLength={60}
        value={typed}
        autofocus
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setPicked(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="switcher-choices" ref={list} role="listbox" aria-label={t('rooms.title')}>
        {choices.map((choice, index) => (
          <li
            key={choice.roomId}
            id={`choice-${index}`}
            role="option"
            aria-selected={index === active}
            data-choice={choice.roomId}
            onClick={() => go(choice)}
          >
            <bdi class="choice-name">{choice.roomId}</bdi>
            {choice.unread > 0 && <span class="badge">{choice.unread}</span>}
            {choice.isNew && <span class="choice-hint">{t('switcher.createHint')}</span>}
          </li>
        ))}
      </ul>
      {choices.length === 0 && (
        <p class="switcher-nothing" role="status">
          {typed.trim() ? t('rooms.nameBad', { room: typed.trim() }) : t('rooms.nameHint')}
        </p>
      )}
    </div>
  );
}

/** The first rooms of the server, without those that cannot be had now. */
export function useServerRooms(): readonly string[] {
  const [ids, setIds] = useState<readonly string[]>([]);
  useEffect(() => {
    let wanted = true;
    client.rooms({ limit: 100 }).then(
      (found) => wanted && setIds(found.map((room) => room.roomId)),
      () => {}, // one's own rooms are known, and any name can be typed
    );
    return () => void (wanted = false);
  }, []);
  return ids;
}
