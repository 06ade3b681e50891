import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';

/** What is over sooner needs no explanation. */
const EXPLAINED_AFTER_MS = 1_000;

/** For who logs out, until the server has heard of it. */
export function Leaving() {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), EXPLAINED_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main class="sign-in" data-view="leaving">
      <div class="card">
        <h1>{t('signIn.leaving')}</h1>
        <p role="status">{late && t('signIn.leavingHelp')}</p>
      </div>
    </main>
  );
}
