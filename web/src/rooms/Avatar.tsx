/** How many colours styles/timeline.css has for people. */
const HUES = 8;

/** A person's first letter on a colour of its own. Says nothing that the name beside it does not. */
export function Avatar({ userId, name }: { userId: number; name: string }) {
  const letter = Array.from(name)[0]?.toLocaleUpperCase() ?? '?';
  return (
    <span class="avatar" data-hue={userId % HUES} aria-hidden="true">
      {letter}
    </span>
  );
}
