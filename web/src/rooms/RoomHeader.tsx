import { useState } from 'preact/hooks';
import { peopleOpen, sidebarOpen } from '../app/panels';
import { reasonOf, t } from '../i18n';
import { cutOff } from '../session/client';
import { leaveRoom } from './elsewhere';
import { roomView, totalUnread } from './rooms';

export function RoomHeader({ roomId }: { roomId: string }) {
  const online = roomView(roomId)?.onlineCount ?? 0;
  const isKnown = online > 0 && !cutOff.value;
  return (
    <header class="room-header">
      <SidebarButton />
      <h1>
        <bdi>{roomId}</bdi>
      </h1>
      <LeaveButton key={roomId} roomId={roomId} />
      <button
        type="button"
        class="quiet people-button"
        data-people-toggle
        data-online={isKnown ? online : undefined}
        aria-expanded={peopleOpen.value}
        onClick={() => (peopleOpen.value = !peopleOpen.value)}
      >
        <span class={isKnown ? 'dot' : 'dot unknown'} aria-hidden="true" />
        <span class="wide">{isKnown ? t('room.online', { count: online }) : cutOff.value && t('room.notConnected')}</span>
        <span class="narrow" aria-hidden="true">
          {isKnown ? online : '–'}
        </span>
      </button>
    </header>
  );
}

/** Shows the list of rooms where it is a drawer. */
export function SidebarButton() {
  return (
    <button
      type="button"
      class="icon sidebar-button"
      data-rooms-toggle
      aria-label={t('rooms.open')}
      aria-expanded={sidebarOpen.value}
      onClick={() => (sidebarOpen.value = true)}
    >
      <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
        <path d="M4 7h16M4 12h16M4 17h10" />
      </svg>
      {totalUnread.value > 0 && <span class="unread-dot" aria-hidden="true" />}
    </button>
  );
}

function LeaveButton({ roomId }: { roomId: string }) {
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState('');
  const leave = async () => {
    try {
      await leaveRoom(roomId);
    } catch (error) {
      setFailed(reasonOf(error as Error));
    }
  };
  return (
    <span class="leave">
      <button
        type="button"
        class="icon"
        data-leave
        aria-label={t('rooms.leave')}
        title={t('rooms.leave')}
        aria-expanded={asking}
        onClick={() => setAsking(!asking)}
      >
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
          <path d="M14 4H6v16h8M10 12h10M17 9l3 3-3 3" />
        </svg>
      </button>
      {asking && (
        <div class="ask" role="group" aria-label={t('rooms.leave')}>
          <p role="status">{failed || t('rooms.leaveAsk', { room: roomId })}</p>
          <button type="button" class="danger" data-leave-yes onClick={() => void leave()}>
            {t('rooms.leaveYes')}
          </button>
          <button type="button" onClick={() => setAsking(false)}>
            {t('rooms.leaveNo')}
          </button>
        </div>
      )}
    </span>
  );
}
