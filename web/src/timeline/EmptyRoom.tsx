import { useState } from 'preact/hooks';
import { t } from '../i18n';

/** A room in which nothing has been said: what one can do. */
export function EmptyRoom({ roomId }: { roomId: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(location.origin + location.pathname);
      setCopied(true);
    } catch {
      // The reader does not allow it, and sees that nothing was copied.
    }
  };
  return (
    <div class="empty" data-empty>
      <Birds />
      <h2>{t('timeline.empty')}</h2>
      <p>{t('timeline.emptyHelp', { room: roomId })}</p>
      {'clipboard' in navigator && (
        <button type="button" onClick={() => void copy()}>
          {t(copied ? 'timeline.copied' : 'timeline.copyLink')}
        </button>
      )}
    </div>
  );
}

/** Three birds on a wire, the last one still to come. */
export function Birds() {
  return (
    <svg class="birds" viewBox="0 0 120 60" width="120" height="60" aria-hidden="true">
      <path class="wire" d="M4 44c36 6 76 6 112 0" />
      <path class="bird" d="M24 44c-5-8-2-17 6-19 4-1 7 1 8 4l5 2-5 1c0 7-5 12-14 12z" />
      <path class="bird" d="M54 46c-5-8-2-17 6-19 4-1 7 1 8 4l5 2-5 1c0 7-5 12-14 12z" />
      <path class="bird coming" d="M88 22c4-6 10-8 15-6l10-4-7 9c-1 6-8 9-16 7l-8 2z" />
    </svg>
  );
}
