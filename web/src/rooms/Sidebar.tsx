import { useEffect, useRef } from 'preact/hooks';
import { helpOpen, sidebarOpen, switcherOpen } from '../app/panels';
import { t } from '../i18n';
import { me } from '../session/client';
import { logOut } from '../session/logOut';
import { Avatar } from './Avatar';
import { RoomList } from './RoomList';

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);

export function Sidebar() {
  const open = sidebarOpen.value;
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    if (open) panel.current?.querySelector<HTMLElement>('[aria-current], button')?.focus();
  }, [open]);
  return (
    <>
      {open && <div class="veil" onClick={() => (sidebarOpen.value = false)} />}
      <nav class={open ? 'sidebar open' : 'sidebar'} ref={panel} aria-label={t('rooms.title')}>
        <header class="brand">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          <strong>Starling</strong>
          <button type="button" class="icon sidebar-close" aria-label={t('rooms.close')} onClick={() => (sidebarOpen.value = false)}>
            ✕
          </button>
        </header>
        <button type="button" class="go-to" data-go-to onClick={() => (switcherOpen.value = true)}>
          <span>{t('rooms.go')}</span>
          <kbd>{t(IS_MAC ? 'rooms.goHintMac' : 'rooms.goHint')}</kbd>
        </button>
        <RoomList />
        <Me />
      </nav>
    </>
  );
}

function Me() {
  const user = me();
  if (!user) return null;
  return (
    <footer class="me">
      <Avatar userId={user.userId} name={user.username} />
      <span class="me-name" data-me={user.userId} title={t('rooms.signedInAs', { name: user.username })}>
        <bdi>{user.username}</bdi>
      </span>
      <button type="button" class="icon" data-help-open aria-label={t('help.open')} onClick={() => (helpOpen.value = true)}>
        ?
      </button>
      <button type="button" class="quiet" data-logout onClick={() => void logOut()}>
        {t('rooms.logOut')}
      </button>
    </footer>
  );
}
