import type { ComponentChild, VNode } from 'preact';
import { describe, expect, test } from 'vitest';
import { onlyEmoji, safeAddress } from '../src/markdown/lexer';
import { Markdown } from '../src/markdown/Markdown';
import { plainText } from '../src/markdown/plain';

/** What would be drawn, written down: elements as tags (with href), texts as they are. */
function drawn(child: ComponentChild): string {
  if (child === null || child === undefined || typeof child === 'boolean') return '';
  if (Array.isArray(child)) return child.map(drawn).join('');
  if (typeof child !== 'object') return String(child);
  const { type, props } = child as VNode<{ children?: ComponentChild; href?: string }>;
  expect(Object.keys(props ?? {})).not.toContain('dangerouslySetInnerHTML');
  const inner = drawn(props.children);
  if (typeof type !== 'string') return inner;
  return `<${type}${props.href ? ` ${props.href}` : ''}>${inner}</${type}>`;
}
const shown = (text: string): string => drawn(Markdown({ text }));

describe('markdown', () => {
  test.each([
    ['plain', '<p>plain</p>'],
    ['**a** *b* ~~c~~ `d`', '<p><strong>a</strong> <em>b</em> <del>c</del> <code>d</code></p>'],
    ['one\ntwo', '<p>one\ntwo</p>'],
    ['&#60;b&#62; &amp; &lt;', '<p>&#60;b&#62; &amp; &lt;</p>'],
    ['```js\nif (a < b) {}\n```', '<pre><code>if (a < b) {}</code></pre>'],
    ['> said', '<blockquote><p>said</p></blockquote>'],
    ['- a\n- b', '<ul><li>a</li><li>b</li></ul>'],
    ['3. c', '<ol><li>c</li></ol>'],
    ['[x](https://example.org/)', '<p><a https://example.org/>x</a></p>'],
    ['https://example.org/a_b_c', '<p><a https://example.org/a_b_c>https://example.org/a_b_c</a></p>'],
  ])('%j is understood', (text, expected) => expect(shown(text)).toBe(expected));

  test.each([
    '<img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    'a <b>c</b> d',
    '![i](https://example.org/i.png)',
    '[x](javascript:alert(1))',
    '[x](/logout)',
    '[x](data:text/html,hi)',
    '# not a heading',
    '---',
    '| a | b |\n|---|---|\n| 1 | 2 |',
    '    four spaces',
    '&lt;b&gt; &amp; &#60;',
    '¯\\_(ツ)_/¯',
    'C:\\new\\folder',
    '[a]: https',
  ])('%j stays the text that it is', (text) => expect(shown(text)).toBe(`<p>${text}</p>`));

  test('an escaped mark is the mark', () => expect(shown('\\*a\\*')).toBe('<p>*a*</p>'));

  test.each(['> '.repeat(2_000) + 'x', '- '.repeat(2_000) + 'x', '_a*'.repeat(1_400), '[a'.repeat(2_000)])(
    'what costs the lexer too much is plain text (%#)',
    (text) => {
      const begin = performance.now();
      expect(shown(text)).toBe(`<p>${text}</p>`);
      expect(performance.now() - begin).toBeLessThan(100);
    },
  );

  test('marks in a block of code cost nothing', () => {
    const code = 'snake_case_name * 2\n'.repeat(200);
    expect(shown('```\n' + code + '```')).toBe(`<pre><code>${code.trimEnd()}</code></pre>`);
  });

  test('addresses that are followed: absolute, http, https, mailto', () => {
    expect(safeAddress('mailto:a@example.org')).toBe('mailto:a@example.org');
    for (const bad of ['javascript:1', ' javascript:1', 'JAVASCRIPT:1', 'vbscript:1', 'data:,x', 'blob:x', '/x', '//x', 'x']) {
      expect(safeAddress(bad), bad).toBeUndefined();
    }
  });

  test.each([
    ['**a** [b](https://example.org) `c`\n\n> d\n- e\n- f', 'a b c d e f'],
    ['```js\nx = 1\n```', 'x = 1'],
    ['<b>a</b> ![i](x) [j](javascript:1) \\* ¯\\_(ツ)_/¯', '<b>a</b> ![i](x) [j](javascript:1) * ¯\\_(ツ)_/¯'],
    ['> '.repeat(50) + 'x', ('> '.repeat(50) + 'x')],
  ])('%j on one line', (text, expected) => expect(plainText(text, 200)).toBe(expected));

  test('one to three emoji alone are shown large', () => {
    expect(onlyEmoji('🐦')).toBe(true);
    expect(onlyEmoji(' 👩‍👩‍👧 🇫🇷 ')).toBe(true);
    expect(onlyEmoji('🐦🐦🐦🐦')).toBe(false);
    expect(onlyEmoji('7')).toBe(false);
    expect(onlyEmoji('a 🐦')).toBe(false);
  });
});
