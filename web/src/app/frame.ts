// Once per frame: what arrives in between is drawn together. A hidden page has no frames; there the
// same is done at most four times a second, since its title still counts. A page that counts as visible
// may have one frame a second all the same (a window behind another, a device that saves power): there a
// timer does not wait for it.

const HIDDEN_INTERVAL_MS = 250;
const FRAME_DUE_MS = 100;

/** Returns what asks for `run` before the next frame; asking again before it ran changes nothing. */
export function perFrame(run: () => void): () => void {
  let asked = false;
  let ranAt = 0;
  let due: ReturnType<typeof setTimeout> | undefined;
  const now = () => {
    if (!asked) return;
    asked = false;
    clearTimeout(due);
    ranAt = performance.now();
    run();
  };
  // Frames that were asked for do not come once the page is hidden.
  document.addEventListener('visibilitychange', now);
  return () => {
    if (asked) return;
    asked = true;
    if (!document.hidden) {
      requestAnimationFrame(now);
      due = setTimeout(now, FRAME_DUE_MS);
    } else if (performance.now() - ranAt >= HIDDEN_INTERVAL_MS) queueMicrotask(now);
    else due = setTimeout(now, HIDDEN_INTERVAL_MS);
  };
}
