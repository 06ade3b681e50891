// One message, on its way or sent: the same element all its life, so that being answered moves
// nothing. It is drawn again only when something of it has changed.

import { Component } from 'preact';
import type { Pending } from '@starling/sdk';
import { clock, moment, reasonOf, t } from '../i18n';
import { Markdown } from '../markdown/Markdown';
import { Avatar } from '../rooms/Avatar';
import { client, connection } from '../session/client';
import { DeleteTools } from './DeleteTools';
import type { Row } from './window';

interface Props {
  rowKey: string;
  /** One of the two. */
  row?: Row;
  pending?: Pending;
  /** Begins a group: has the name above it. */
  first: boolean;
  me: number;
  myName: string;
}

export class MessageRow extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const { row, pending, first } = this.props;
    return next.row !== row || next.pending !== pending || next.first !== first;
  }

  render({ rowKey, row, pending, first, me, myName }: Props) {
    if (row?.deleted) {
      return (
        <li class="message deleted" data-key={rowKey} data-seq={row.seq} data-id={row.id} data-deleted tabIndex={-1}>
          <div class="body">{t('timeline.deleted')}</div>
        </li>
      );
    }
    const senderId = row?.senderId ?? me;
    const name = row?.senderUsername ?? myName;
    const time = row ? Date.parse(row.timestamp) : pending!.createdAt;
    return (
      <li
        class={`message ${pending?.state ?? ''} ${first ? 'first' : ''}`}
        data-key={rowKey}
        data-seq={row?.seq}
        data-id={row?.id}
        data-sender={senderId}
        data-pending={pending?.clientMessageId}
        data-state={pending?.state}
        tabIndex={-1}
      >
        {first && <Avatar userId={senderId} name={name} />}
        <div class={first ? 'head' : 'aside'}>
          <bdi class="who">{name}</bdi> <Time time={time} />
        </div>
        <div class="body" data-body dir="auto">
          <Markdown text={(row ?? pending!).content} />
        </div>
        {pending && <Progress pending={pending} />}
        {row && senderId === me && <DeleteTools id={row.id} />}
      </li>
    );
  }
}

function Time({ time }: { time: number }) {
  return (
    <time dateTime={new Date(time).toISOString()} title={moment(time)}>
      {clock(time)}
    </time>
  );
}

function Progress({ pending }: { pending: Pending }) {
  const { clientMessageId, state, error } = pending;
  if (state === 'pending') {
    const online = connection.value.state === 'online';
    return <span class="sending">{t(online ? 'message.pending' : 'message.waiting')}</span>;
  }
  return (
    <div class="failure">
      <span>{t('message.failed', { reason: error ? reasonOf(error) : '' })}</span>
      <button type="button" data-retry onClick={() => client.retry(clientMessageId)}>
        {t('message.retry')}
      </button>
      <button type="button" data-discard onClick={() => client.discard(clientMessageId)}>
        {t('message.discard')}
      </button>
    </div>
  );
}
