import { useState } from 'preact/hooks';
import { reasonOf, t } from '../i18n';
import { client } from '../session/client';

/** Deletes one's own message, after asking once more in the same place. It floats above the row, so
 * that the question moves nothing. */
export function DeleteTools({ id }: { id: number }) {
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState('');

  const remove = async (event: Event) => {
    focusMessage(event); // the button goes together with the message's text
    setFailed('');
    try {
      await client.deleteMessage(id);
    } catch (error) {
      setFailed(t('message.deleteFailed', { reason: reasonOf(error as Error) }));
    }
  };
  const keep = (event: Event) => {
    focusMessage(event);
    setAsking(false);
    setFailed('');
  };

  if (!asking) {
    return (
      <div class="tools">
        <button type="button" data-delete tabIndex={-1} aria-label={t('message.deleteLabel')} onClick={() => setAsking(true)}>
          {t('message.delete')}
        </button>
      </div>
    );
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    keep(event);
  };
  return (
    <div class="tools asking" role="group" aria-label={t('message.deleteAsk')} onKeyDown={onKeyDown}>
      <span role="status">{failed || t('message.deleteAsk')}</span>
      <button type="button" class="danger" data-delete-yes ref={focus} onClick={remove}>
        {t('message.delete')}
      </button>
      <button type="button" data-delete-no onClick={keep}>
        {t('message.deleteNo')}
      </button>
    </div>
  );
}

const focusMessage = (event: Event) => (event.currentTarget as HTMLElement).closest('li')?.focus();
const focus = (button: HTMLButtonElement | null) => button?.focus();
