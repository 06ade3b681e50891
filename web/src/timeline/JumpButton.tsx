import { t } from '../i18n';
import { roomView } from '../rooms/rooms';
import type { Timeline } from './timeline';

/** Back to the newest message, for who is not there, with the number of what is unread. */
export function JumpButton({ timeline }: { timeline: Timeline }) {
  if (timeline.atEnd.value && (timeline.attached.value || timeline.loading.value === 'first')) return null;
  const unread = roomView(timeline.roomId)?.unread ?? 0;
  return (
    <button type="button" class="jump" data-jump data-count={unread} onClick={() => timeline.toEnd()}>
      <span aria-hidden="true">↓</span>
      {unread > 0 ? t('timeline.jumpNew', { count: unread }) : t('timeline.jump')}
    </button>
  );
}
