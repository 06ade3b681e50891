import { useState } from 'preact/hooks';
import { StarlingError } from '@starling/sdk';
import { t } from '../i18n';
import { client, connection } from './client';
import { remembered } from './remembered';

type Mode = 'login' | 'register';

/** Two forms, each of its own, so that a password manager knows which of them it fills. */
export function SignIn() {
  const [mode, setMode] = useState<Mode>('login');
  return (
    <main class="sign-in" data-view={mode}>
      <div class="card">
        <img src="/favicon.svg" alt="" width="56" height="56" />
        <h1>{t(mode === 'login' ? 'signIn.loginTitle' : 'signIn.registerTitle')}</h1>
        <p class="hint">{t('app.tagline')}</p>
        {mode === 'login' ? <LoginForm key="login" /> : <RegisterForm key="register" />}
        <button type="button" class="link" data-switch-form onClick={() => setMode(mode === 'login' ? 'register' : 'login')}>
          {t(mode === 'login' ? 'signIn.toRegister' : 'signIn.toLogin')}
        </button>
      </div>
    </main>
  );
}

function LoginForm() {
  const { busy, error, submit } = useSubmit((form) => client.login(valueOf(form, 'username'), valueOf(form, 'password')));
  const ended = connection.value.state === 'signed-out' && remembered() !== undefined;
  return (
    <form onSubmit={submit} data-form="login">
      <UsernameField />
      <PasswordField autocomplete="current-password" />
      <Problem text={error || (ended ? t('signIn.ended') : '')} soft={!error} />
      <button type="submit" class="primary" aria-disabled={busy}>
        {t(busy ? 'signIn.working' : 'signIn.login')}
      </button>
    </form>
  );
}

function RegisterForm() {
  const { busy, error, submit } = useSubmit((form) =>
    client.register(valueOf(form, 'username'), valueOf(form, 'email'), valueOf(form, 'password')),
  );
  return (
    <form onSubmit={submit} data-form="register">
      <UsernameField />
      <label for="email">{t('signIn.email')}</label>
      <input id="email" name="email" type="email" autocomplete="email" required maxLength={254} />
      <PasswordField autocomplete="new-password" />
      <Problem text={error} />
      <button type="submit" class="primary" aria-disabled={busy}>
        {t(busy ? 'signIn.working' : 'signIn.register')}
      </button>
    </form>
  );
}

function UsernameField() {
  return (
    <>
      <label for="username">{t('signIn.username')}</label>
      <input
        id="username"
        name="username"
        autocomplete="username"
        required
        maxLength={50}
        autocapitalize="none"
        spellcheck={false}
        dir="auto"
      />
    </>
  );
}

function PasswordField({ autocomplete }: { autocomplete: 'current-password' | 'new-password' }) {
  const isNew = autocomplete === 'new-password';
  return (
    <>
      <label for="password">{t('signIn.password')}</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete={autocomplete}
        required
        minLength={isNew ? 8 : undefined}
        maxLength={256}
        aria-describedby={isNew ? 'password-hint' : undefined}
      />
      {isNew && (
        <small id="password-hint" class="hint">
          {t('signIn.passwordHint')}
        </small>
      )}
    </>
  );
}

function Problem({ text, soft = false }: { text: string; soft?: boolean }) {
  return (
    <p class={soft ? 'form-note' : 'form-error'} role="alert" data-form-error>
      {text}
    </p>
  );
}

const valueOf = (form: HTMLFormElement, name: string): string => {
  const value = String(new FormData(form).get(name));
  return name === 'password' ? value : value.trim();
};

/** Sends a form once, and tells what came of it. */
function useSubmit(send: (form: HTMLFormElement) => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      await send(event.currentTarget as HTMLFormElement);
    } catch (failure) {
      setError(explain(failure as Error));
    }
    setBusy(false);
  };
  return { busy, error, submit };
}

/** What happened, and what to do. */
function explain(error: Error): string {
  const code = error instanceof StarlingError ? error.code : 'offline';
  switch (code) {
    case 'unauthenticated':
      return t('signIn.error.credentials');
    case 'conflict':
      return t('signIn.error.taken');
    case 'offline':
      return t('signIn.error.offline');
    case 'unavailable':
    case 'rate_limited':
      return t('signIn.error.busy');
    default:
      return t('signIn.error.other', { reason: error.message });
  }
}
