// The line between messages and composer. It is always there and always as high, so that neither
// somebody's typing nor a lost connection moves the text.

import { useEffect, useState } from 'preact/hooks';
import { pieces, t } from '../i18n';
import { typists } from '../rooms/people';
import { client, connection, cutOff, shownConnection } from '../session/client';

export function StatusBar({ roomId }: { roomId: string }) {
  return (
    <div class="status-bar">
      <div role="status">{cutOff.value && <Trouble />}</div>
      {!cutOff.value && <TypingLine roomId={roomId} />}
    </div>
  );
}

function Trouble() {
  const shown = shownConnection();
  const { state } = connection.value;
  const text =
    shown === 'offline' ? 'connection.offline'
    : state === 'refused' ? 'connection.refused'
    : state === 'connecting' ? 'connection.connecting'
    : 'connection.waiting';
  const again = () => (state === 'refused' ? client.connect() : client.retryNow());
  return (
    <div class="trouble" data-banner title={t('connection.kept')}>
      <span class="trouble-text">
        {t(text)} <Countdown />
      </span>
      {state !== 'connecting' && (
        <button type="button" data-try-now onClick={again}>
          {t('connection.tryNow')}
        </button>
      )}
    </div>
  );
}

/** Not read aloud: a number that changes every second. */
function Countdown() {
  const { state, retryAt } = connection.value;
  const [, tick] = useState(0);
  useEffect(() => {
    if (state !== 'waiting') return;
    const timer = setInterval(() => tick((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, [state]);
  if (state !== 'waiting' || retryAt === undefined) return null;
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  return (
    <span aria-hidden="true">
      {seconds > 0 ? t('connection.retryIn', { count: seconds }) : t('connection.retrying')}
    </span>
  );
}

function TypingLine({ roomId }: { roomId: string }) {
  const here = typists.value.filter((one) => one.roomId === roomId);
  return (
    <p class="typing" data-typing={here.length}>
      {typingText(here.map((one) => one.username))}
    </p>
  );
}

function typingText(names: string[]) {
  const [one, two] = names.map((name) => <bdi>{name}</bdi>);
  if (!one) return null;
  if (!two) return pieces('composer.typingOne', { name: one });
  if (names.length === 2) return pieces('composer.typingTwo', { name: one, other: two });
  return t('composer.typingMany');
}
