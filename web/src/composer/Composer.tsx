import { useEffect, useRef } from 'preact/hooks';
import { show } from '../app/notices';
import { t } from '../i18n';
import { client, session } from '../session/client';
import type { Timeline } from '../timeline/timeline';
import { draftOf, keepDraft } from './drafts';

const encoder = new TextEncoder();

export function Composer({ timeline }: { timeline: Timeline }) {
  const { roomId } = timeline;
  const field = useRef<HTMLTextAreaElement>(null);
  const text = draftOf(roomId).value;
  const limit = session.value?.maxMessageBytes ?? Infinity;
  // No character takes more than three bytes per UTF-16 unit; short texts need no counting.
  const excess = text.length * 3 > limit ? encoder.encode(text.trim()).length - limit : 0;
  const sendable = text.trim() !== '' && excess <= 0;

  // Where there is a keyboard one wants to write at once; elsewhere it would hide half the room.
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) field.current!.focus();
  }, [roomId]);

  const send = () => {
    const content = draftOf(roomId).peek().trim();
    if (!sendable || !content) return;
    try {
      client.send(roomId, content);
    } catch {
      return show({ level: 'warning', code: 'full', text: t('composer.full') });
    }
    keepDraft(roomId, '');
    timeline.toEnd();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const onInput = (event: InputEvent) => {
    const written = (event.currentTarget as HTMLTextAreaElement).value;
    keepDraft(roomId, written);
    client.setTyping(roomId, written.trim() !== '');
  };
  const onSubmit = (event: Event) => {
    event.preventDefault();
    send();
    field.current!.focus();
  };

  return (
    <form class="composer" data-composer onSubmit={onSubmit}>
      <textarea
        id="composer-text"
        name="message"
        ref={field}
        rows={1}
        dir="auto"
        value={text}
        placeholder={t('composer.placeholder', { room: roomId })}
        aria-label={t('composer.label', { room: roomId })}
        aria-invalid={excess > 0}
        aria-describedby={excess > 0 ? 'composer-excess' : undefined}
        autocomplete="off"
        onInput={onInput}
        onKeyDown={onKeyDown}
      />
      {excess > 0 && (
        <span id="composer-excess" class="excess" role="status">
          {t('composer.tooLong', { count: excess })}
        </span>
      )}
      <button type="submit" class="primary send" aria-label={t('composer.send')} aria-disabled={!sendable}>
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
          <path d="M4 12 20 4l-4 16-4.500-6.500z M11.500 13.500 20 4" />
        </svg>
      </button>
    </form>
  );
}
