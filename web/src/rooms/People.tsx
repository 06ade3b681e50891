import { useEffect } from 'preact/hooks';
import { peopleOpen } from '../app/panels';
import { t } from '../i18n';
import { cutOff, session } from '../session/client';
import type { Timeline } from '../timeline/timeline';
import { Avatar } from './Avatar';
import { lookUpNames, names } from './people';
import { roomView } from './rooms';

const collator = new Intl.Collator();
const LATELY_LIMIT = 20;

/** Who is in the room now, and who has spoken in what is drawn of it. */
export function People({ timeline }: { timeline: Timeline }) {
  const room = roomView(timeline.roomId);
  const here = room?.onlineUsers ?? [];
  useEffect(() => void lookUpNames(here), [here.join()]);
  const known = names.value;
  const spoke = spokeLately(timeline);
  const nameOf = (id: number) => known.get(id) ?? spoke.get(id) ?? t('room.unknownPerson', { id: String(id) });
  const byName = (a: number, b: number) => collator.compare(nameOf(a), nameOf(b));
  const away = [...spoke.keys()].filter((id) => !here.includes(id));
  const isForgotten = cutOff.value && here.length === 0;
  const more = (room?.onlineCount ?? 0) - here.length;
  return (
    <aside class="people" data-people aria-label={t('room.people')}>
      <header>
        <h2>{t('room.people')}</h2>
        <button type="button" class="icon" aria-label={t('room.peopleClose')} onClick={() => (peopleOpen.value = false)}>
          ✕
        </button>
      </header>
      <div class="people-scroll" tabIndex={0} role="group" aria-label={t('room.people')}>
        {!isForgotten && <h3>{cutOff.value ? t('room.peopleWere') : t('room.peopleHere', { count: room?.onlineCount ?? 0 })}</h3>}
        <ul>
          {here.toSorted(byName).map((id) => (
            <Person key={id} id={id} name={nameOf(id)} here={cutOff.value ? undefined : true} />
          ))}
          {more > 0 && <li class="hint">{t('room.peopleMore', { count: more })}</li>}
        </ul>
        {away.length > 0 && (
          <>
            <h3>{t('room.peopleSpoke')}</h3>
            <ul>
              {away.toSorted(byName).map((id) => (
                <Person key={id} id={id} name={nameOf(id)} here={false} />
              ))}
            </ul>
          </>
        )}
      </div>
    </aside>
  );
}

/** Names by id, the latest first. */
function spokeLately({ rows }: Timeline): Map<number, string> {
  const people = new Map<number, string>();
  for (const row of rows.value.toReversed()) {
    if (people.size >= LATELY_LIMIT) break;
    if (!row.deleted && !people.has(row.senderId)) people.set(row.senderId, row.senderUsername);
  }
  return people;
}

/** `here` is undefined where nobody can tell. */
function Person({ id, name, here }: { id: number; name: string; here: boolean | undefined }) {
  return (
    <li class={here ? 'person here' : 'person'} data-person={id}>
      <Avatar userId={id} name={name} />
      <span class="person-name">
        <bdi>{name}</bdi> {id === session.value?.userId && <span class="hint">{t('room.you')}</span>}
      </span>
      {here !== undefined && <span class="hidden-text">{t(here ? 'room.isHere' : 'room.isAway')}</span>}
    </li>
  );
}
