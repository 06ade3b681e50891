/** The room `step` places on in the list, around its ends; of those with something unread if wanted. */
export function neighbour(
  list: readonly { roomId: string; unread: number }[],
  from: string | undefined,
  step: 1 | -1,
  unreadOnly: boolean,
): string | undefined {
  const start = list.findIndex((room) => room.roomId === from);
  for (let n = 1; n <= list.length; ++n) {
    const index = start === -1 && step === -1 ? -n : start + n * step;
    const room = list.at(index % list.length)!;
    if (room.roomId !== from && (!unreadOnly || room.unread > 0)) return room.roomId;
  }
  return undefined;
}
