// The keyboard among messages: the list is one stop of the Tab key; arrows, Home and End go from
// message to message, Delete asks whether to delete.

const rowsOf = (list: HTMLElement) => [...list.querySelectorAll<HTMLElement>(':scope > [data-key]')];

/** The row and the button in it are what Tab comes to; those of other rows are not. */
function moveTabStop(list: HTMLElement, row: HTMLElement | undefined): void {
  const stops = list.querySelectorAll<HTMLElement>(':scope > [tabindex="0"], [data-delete][tabindex="0"]');
  for (const stop of stops) if (!row?.contains(stop)) stop.tabIndex = -1;
  if (!row) return;
  row.tabIndex = 0;
  const button = row.querySelector<HTMLElement>('[data-delete]');
  if (button) button.tabIndex = 0;
}

/** While nobody is in the list, Tab comes to its last message. */
export function placeTabStop(list: HTMLElement): void {
  if (list.contains(document.activeElement)) return;
  const rows = list.querySelectorAll<HTMLElement>(':scope > [data-key]');
  moveTabStop(list, rows[rows.length - 1]);
}

export function onListFocus(event: FocusEvent): void {
  const row = (event.target as HTMLElement).closest<HTMLElement>('[data-key]');
  if (row) moveTabStop(event.currentTarget as HTMLElement, row);
}

export function onListKey(event: KeyboardEvent): void {
  const row = event.target as HTMLElement;
  if (!row.dataset['key'] || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === 'Delete') {
    row.querySelector<HTMLElement>('[data-delete], [data-discard]')?.click();
    event.preventDefault();
    return;
  }
  const rows = rowsOf(event.currentTarget as HTMLElement);
  const index = rows.indexOf(row);
  const next = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: rows.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus();
}
