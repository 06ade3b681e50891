// What the server sends, as docs/protocol.md has it. Types only: the server is trusted to keep to
// them, and a type that is not listed is ignored.
import type { Deletion, ErrorCode, Gap, Message, Notice, Typing, UserStatus } from './api.js';

export interface Welcome {
  type: 'welcome';
  limits: { maxMessageBytes: number; maxRooms: number };
}

export interface AuthSuccess {
  type: 'auth_success';
  userId: number;
  username: string;
  epoch: number;
  rooms: { roomId: string; headSeq: number; readSeq: number; unread: number }[];
}

export interface RoomJoined {
  type: 'room_joined';
  roomId: string;
  onlineUsers: number[];
  onlineCount: number;
  headSeq: number;
  readSeq: number;
  unread: number;
}

export type ChatMessage = { type: 'chat_message' } & Message;
type DeletedPlace = { type: 'chat_message'; deleted: true; id: number; seq: number; roomId: string };
/** What takes a `seq` of a room. */
export type RoomEvent = ChatMessage | DeletedPlace | ({ type: 'message_deleted' } & Deletion);

export interface MessageSent {
  type: 'message_sent';
  clientMessageId: string;
  id: number;
  seq: number;
  roomId: string;
  timestamp: string;
}

export interface RecentMessages {
  type: 'recent_messages';
  roomId: string;
  messages: RoomEvent[];
  fromSeq: number;
  toSeq: number;
  hasMore: boolean;
}

export interface ReadUpdate {
  type: 'read_update';
  roomId: string;
  seq: number;
  unread: number;
  /** The event up to which `unread` counts; older servers leave it out. */
  headSeq?: number;
}

export type GapFrame = { type: 'gap'; reason: 'too_many' | 'slow_reader' | 'epoch' } & Omit<Gap, 'reason'>;

export interface Comings {
  type: 'user_joined' | 'user_left';
  roomId: string;
  userId: number;
  username: string;
  onlineCount: number;
}

export interface ErrorFrame {
  type: 'error';
  code: ErrorCode;
  message: string;
  retryable: boolean;
  retryAfterMs?: number;
}

export type Frame = { ref?: string } & (
  | Welcome
  | AuthSuccess
  | RoomJoined
  | RoomEvent
  | MessageSent
  | RecentMessages
  | ReadUpdate
  | GapFrame
  | Comings
  | ErrorFrame
  | { type: 'presence_count'; roomId: string; onlineCount: number }
  | ({ type: 'typing' } & Typing)
  | ({ type: 'user_status' } & UserStatus)
  | ({ type: 'notice' } & Notice)
  | { type: 'reconnect'; afterMs: number }
  | { type: 'pong' | 'room_left' }
);

/** What we send: `type` and its fields. Absent fields are left out of the JSON. */
export type Command = { type: string; [field: string]: unknown };
