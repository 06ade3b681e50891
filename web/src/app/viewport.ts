// The height that an on-screen keyboard leaves. Where the browser does not make the page smaller by
// itself (interactive-widget), the composer would be behind the keyboard.

export function startViewport(): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const fit = () => {
    const covered = viewport.scale === 1 && window.innerHeight - viewport.height > 1;
    const style = document.documentElement.style;
    if (covered) style.setProperty('--height', `${viewport.height}px`);
    else style.removeProperty('--height');
    if (covered) window.scrollTo(0, 0); // iOS pushes the page up instead
  };
  viewport.addEventListener('resize', fit);
  viewport.addEventListener('scroll', fit);
}
