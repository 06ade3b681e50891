import { Component } from 'preact';
import { brief, t } from '../i18n';
import { currentRoom, goTo, hrefOf } from '../app/route';
import { sidebarOpen } from '../app/panels';
import { plainText } from '../markdown/plain';
import { rooms, type RoomView } from './rooms';

/** An unread number of this is that many or more. */
const CAP = 1_000;
/** Characters of a message that are looked at for its line in the list. */
const PREVIEW_LIMIT = 200;

export function RoomList() {
  const current = currentRoom.value;
  return (
    <ul class="rooms">
      {rooms.value.map((room) => (
        <RoomLink key={room.roomId} room={room} current={room.roomId === current} />
      ))}
    </ul>
  );
}

interface Props {
  room: RoomView;
  current: boolean;
}

class RoomLink extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return next.room !== this.props.room || next.current !== this.props.current;
  }

  render({ room, current }: Props) {
    const { roomId, unread } = room;
    return (
      <li>
        <a
          href={hrefOf(roomId)}
          class={unread > 0 ? 'room-link unread' : 'room-link'}
          data-room-link={roomId}
          data-unread={unread}
          aria-current={current ? 'page' : undefined}
          onClick={(event) => follow(event, roomId)}
        >
          <span class="room-name">
            <bdi>{roomId}</bdi>
          </span>
          <LastTime room={room} />
          <span class="room-last" dir="auto">
            <LastMessage room={room} />
          </span>
          {unread > 0 && <Badge unread={unread} />}
        </a>
      </li>
    );
  }
}

/** A plain click stays on this page; with a modifier it is the browser's. */
function follow(event: MouseEvent, roomId: string): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  goTo(roomId);
  sidebarOpen.value = false;
}

function LastTime({ room }: { room: RoomView }) {
  const message = room.last?.message;
  if (!message) return null;
  return <time class="room-time">{brief(Date.parse(message.timestamp), Date.now())}</time>;
}

function LastMessage({ room: { last, empty } }: { room: RoomView }) {
  if (!last) return <>{empty ? t('rooms.noMessages') : '\u00a0'}</>;
  if (!last.message) return <>{t('rooms.deleted')}</>;
  return (
    <>
      <bdi>{last.message.senderUsername}</bdi>: <bdi>{plainText(last.message.content, PREVIEW_LIMIT)}</bdi>
    </>
  );
}

function Badge({ unread }: { unread: number }) {
  const many = unread >= CAP;
  return (
    <span class="badge">
      <span aria-hidden="true">{many ? `${CAP - 1}+` : unread}</span>
      <span class="hidden-text">
        {many ? t('rooms.manyUnread', { count: CAP - 1 }) : t('rooms.unread', { count: unread })}
      </span>
    </span>
  );
}
