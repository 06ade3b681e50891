// The list of messages: rows by seq, own rows that wait for their seq, and a position that does not
// move under the reader.

const GROUP_MS = 10 * 60_000;
const NEAR_END_PX = 80;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class MessageList {
  constructor(list, handlers) {
    this.list = list;
    this.handlers = handlers; // onTop(): older messages are wanted; onRetry(message), onDiscard(message)
    list.addEventListener('scroll', () => {
      if (list.scrollTop < 200) handlers.onTop();
    });
    this.clear();
  }

  clear() {
    this.messages = new Map(); // seq → message
    this.pending = new Map(); // clientMessageId → message
    this.draw();
  }

  get firstSeq() {
    return this.messages.size > 0 ? Math.min(...this.messages.keys()) : null;
  }

  atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  // Adds events, newest last or older ones before the first; those known already change nothing.
  add(events) {
    for (const event of events) {
      if (event.type === 'message_deleted') {
        const gone = this.messages.get(event.ofSeq);
        if (gone) this.messages.set(event.ofSeq, { ...gone, deleted: true, content: '' });
        continue;
      }
      if (event.clientMessageId) this.pending.delete(event.clientMessageId);
      this.messages.set(event.seq, event);
    }
    this.draw();
  }

  addPending(message) {
    this.pending.set(message.clientMessageId, message);
    this.draw(true);
  }

  // The server has it: the row stays, with its place.
  settle(sent) {
    const message = this.pending.get(sent.clientMessageId);
    if (!message) return;
    this.pending.delete(sent.clientMessageId);
    if (!this.messages.has(sent.seq)) {
      this.messages.set(sent.seq, { ...message, seq: sent.seq, id: sent.id, timestamp: sent.timestamp });
    }
    this.draw();
  }

  fail(clientMessageId, reason) {
    const message = this.pending.get(clientMessageId);
    if (!message) return;
    message.failed = reason;
    this.draw();
  }

  drop(clientMessageId) {
    this.pending.delete(clientMessageId);
    this.draw();
  }

  // Draws anew and keeps the row that the reader looks at where it is, or the end in view.
  draw(toEnd = false) {
    const end = toEnd || this.atEnd();
    const top = this.list.getBoundingClientRect().top;
    const anchor = end
      ? null
      : [...this.list.querySelectorAll('[data-seq]')].find((row) => row.getBoundingClientRect().top >= top);
    const anchorY = anchor?.getBoundingClientRect().top;

    const rows = [];
    let before = null;
    const ordered = [...this.messages.values()].sort((a, b) => a.seq - b.seq);
    for (const message of [...ordered, ...this.pending.values()]) {
      const at = new Date(message.timestamp);
      if (!before || new Date(before.timestamp).toDateString() !== at.toDateString()) {
        rows.push(element('li', 'note', day.format(at)));
        before = null;
      }
      const first =
        !before || before.senderId !== message.senderId || at - new Date(before.timestamp) > GROUP_MS;
      rows.push(this.row(message, at, first));
      before = message;
    }
    if (rows.length === 0) rows.push(element('li', 'note', 'Nothing has been said here yet.'));
    this.list.replaceChildren(...rows);

    if (end) {
      this.list.scrollTop = this.list.scrollHeight;
    } else if (anchor) {
      const again = this.list.querySelector(`[data-seq="${anchor.dataset.seq}"]`);
      if (again) this.list.scrollTop += again.getBoundingClientRect().top - anchorY;
    }
  }

  row(message, at, first) {
    const row = element('li', 'message');
    if (message.seq) row.dataset.seq = message.seq;
    if (first) {
      row.classList.add('first');
      const head = element('div');
      const who = element('bdi', 'who', message.senderUsername ?? '');
      head.append(who, element('time', '', clock.format(at)));
      row.append(head);
    }
    const text = element('p', '', message.deleted ? 'This message was deleted.' : message.content);
    text.dir = 'auto';
    row.append(text);
    if (message.deleted) row.classList.add('deleted');
    if (message.clientMessageId && !message.seq) row.classList.add(message.failed ? 'failed' : 'pending');
    if (message.failed) row.append(this.actions(message));
    return row;
  }

  actions(message) {
    const actions = element('div', 'actions');
    const retry = element('button', '', 'Try again');
    const discard = element('button', '', 'Discard');
    retry.type = discard.type = 'button';
    retry.onclick = () => this.handlers.onRetry(message);
    discard.onclick = () => this.handlers.onDiscard(message);
    actions.append(element('span', '', message.failed), retry, discard);
    return actions;
  }
}
