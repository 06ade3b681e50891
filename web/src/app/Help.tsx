import { t, type Key } from '../i18n';
import { Dialog } from './Dialog';
import { helpOpen } from './panels';

const KEYS: readonly [keys: readonly string[], what: Key][] = [
  [['Ctrl K', '⌘ K'], 'help.switch'],
  [['Alt ↑', 'Alt ↓'], 'help.rooms'],
  [['Alt Shift ↑', 'Alt Shift ↓'], 'help.unreadRooms'],
  [['Esc'], 'help.escape'],
  [['Enter'], 'help.send'],
  [['Shift Enter'], 'help.newline'],
  [['↑', '↓'], 'help.messages'],
  [['Home', 'End'], 'help.ends'],
  [['Delete'], 'help.remove'],
  [['?'], 'help.sheet'],
];

export function Help() {
  return (
    <Dialog open={helpOpen} label={t('help.title')} class="help">
      <div data-help>
        <header>
          <h2>{t('help.title')}</h2>
          <button type="button" class="icon" aria-label={t('help.close')} onClick={() => (helpOpen.value = false)}>
            ✕
          </button>
        </header>
        <dl>
          {KEYS.map(([keys, what]) => (
            <div key={what}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{t(what)}</dd>
            </div>
          ))}
        </dl>
        <h3>{t('help.markdown')}</h3>
        <p>{t('help.markdownText')}</p>
      </div>
    </Dialog>
  );
}
