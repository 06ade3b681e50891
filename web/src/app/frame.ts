// Once per frame: what arrives in between is drawn together. A hidden page has no frames; there the
// same is done at most four times a second, since its title still counts.

const HIDDEN_INTERVAL_MS = 250;

/** Returns what asks for `run` before the next frame; asking again before it ran changes nothing. */
export function perFrame(run: () => void): () => void {
  let asked = false;
  let ranAt = 0;
  const now = () => {
    if (!asked) return;
    asked = false;
    ranAt = performance.now();
    run();
  };
  // Frames that were asked for do not come once the page is hidden.
  document.addEventListener('visibilitychange', now);
  return () => {
    if (asked) return;
    asked = true;
    if (!document.hidden) requestAnimationFrame(now);
    else if (performance.now() - ranAt >= HIDDEN_INTERVAL_MS) queueMicrotask(now);
    else setTimeout(now, HIDDEN_INTERVAL_MS);
  };
}
