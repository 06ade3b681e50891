/** What may be the name of a room. */
export const ROOM_NAME = /^[A-Za-z0-9._-]{1,50}$/;
