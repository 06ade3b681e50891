import { render } from 'preact';
import { App } from './app/App';
import { startFeed } from './app/feed';
import { startKeys } from './app/keys';
import { startNotices } from './app/notices';
import { startPlace } from './app/place';
import { startViewport } from './app/viewport';
import { startElsewhere } from './rooms/elsewhere';
import { pickLocale, startLocale } from './i18n';
import { client } from './session/client';
import { startIdentity } from './session/identity';
import { finishLeaving, leaving } from './session/logOut';
import './styles/base.css';
import './styles/layout.css';
import './styles/sidebar.css';
import './styles/timeline.css';
import './styles/composer.css';
import './styles/dialogs.css';

async function start(): Promise<void> {
  const asked = new URLSearchParams(location.search).get('locale');
  const wanted = asked ? [asked, ...navigator.languages] : navigator.languages;
  const catalogue = pickLocale(wanted);
  await startLocale(catalogue, wanted.find((tag) => tag.startsWith(catalogue)));
  startIdentity();
  startFeed();
  startElsewhere();
  startPlace();
  startNotices();
  startKeys();
  startViewport();
  render(<App />, document.getElementById('app')!);
  if (leaving.peek()) void finishLeaving();
  else client.connect();
}

void start();
