import { Composer } from '../composer/Composer';
import { StatusBar } from '../composer/StatusBar';
import { t } from '../i18n';
import { NoRooms } from '../rooms/NoRooms';
import { People } from '../rooms/People';
import { RoomHeader, SidebarButton } from '../rooms/RoomHeader';
import { roomsKnown } from '../rooms/rooms';
import { Sidebar } from '../rooms/Sidebar';
import { Switcher } from '../rooms/Switcher';
import { connection, cutOff, me, shownConnection } from '../session/client';
import { Leaving } from '../session/Leaving';
import { leaving } from '../session/logOut';
import { SignIn } from '../session/SignIn';
import type { Timeline } from '../timeline/timeline';
import { shownTimeline } from '../timeline/timelines';
import { TimelineView } from '../timeline/TimelineView';
import { announcement } from './announce';
import { Help } from './Help';
import { dismiss, notes } from './notices';
import { peopleOpen } from './panels';
import { currentRoom } from './route';

export function App() {
  const { state } = connection.value;
  // Before the server has said who we are, the name from last time decides what is shown.
  if (leaving.value) return <Leaving />;
  return state !== 'signed-out' && me() ? <Chat /> : <SignIn />;
}

function Chat() {
  const timeline = shownTimeline.value;
  return (
    <main class="chat" data-view="chat" data-connection={shownConnection()}>
      {timeline && (
        <a class="skip" href="#composer-text">
          {t('app.skip')}
        </a>
      )}
      <Sidebar />
      {timeline ? <Room key={timeline.roomId} timeline={timeline} /> : <NoRoom />}
      <Switcher />
      <Help />
      <div class="hidden-text" role="log" aria-live="polite" data-announcements>
        {announcement.value.map((text) => (
          <p>{text}</p>
        ))}
      </div>
    </main>
  );
}

function Room({ timeline }: { timeline: Timeline }) {
  return (
    <>
      <section class="room" aria-label={timeline.roomId}>
        <RoomHeader roomId={timeline.roomId} />
        <TimelineView timeline={timeline} />
        <Notes />
        <StatusBar roomId={timeline.roomId} />
        <Composer timeline={timeline} />
      </section>
      {peopleOpen.value && <People timeline={timeline} />}
    </>
  );
}

/** No room is in view: there is none, or it is not known yet which. */
function NoRoom() {
  return (
    <section class="room">
      <header class="room-header">
        <SidebarButton />
      </header>
      <div class="room-middle">
        {roomsKnown.value && currentRoom.value === undefined && <NoRooms />}
        {!roomsKnown.value && cutOff.value && <p class="waiting">{t('timeline.waiting')}</p>}
      </div>
      <Notes />
      <StatusBar roomId="" />
    </section>
  );
}

function Notes() {
  return (
    <div class="notes" role="status">
      {notes.value.map((note) => (
        <p key={note.code} class={`note ${note.level}`} data-notice={note.code}>
          {note.text}
          <button type="button" class="icon" aria-label={t('notice.dismiss')} onClick={() => dismiss(note.code)}>
            ✕
          </button>
        </p>
      ))}
    </div>
  );
}
