// Markdown as people write it in a chat: a part of the language, read by marked's lexer. What is not
// of that part (HTML, images, headings, tables, ...) stays the text that it is.
//
// The lexer makes values, never HTML; Markdown.tsx makes elements of them.

import { Lexer, Tokenizer, type Tokens, type Token } from 'marked';

/** A message that nests deeper, in the worst reading, is shown as plain text: the lexer recurses. */
const NESTING_LIMIT = 12;

const asText = () => undefined;

/** Leaves out the rules whose marks people type without meaning them. */
class ChatTokenizer extends Tokenizer {
  override heading = asText;
  override lheading = asText;
  override hr = asText;
  override html = asText;
  override tag = asText;
  override table = asText;
  override code = asText; // by indentation; fences remain
  override def = asText;
  override reflink = asText;
}

const LINK_SCHEMES = new Set(['http:', 'https:', 'mailto:']);
/** A backslash vanishes before these only: ¯\_(ツ)_/¯ and C:\new keep theirs. */
const ESCAPABLE = new Set(['*', '`', '~', '[', ']']);

/** The address if it is one that may be followed: absolute, and of a scheme that runs nothing. */
export function safeAddress(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return LINK_SCHEMES.has(url.protocol) ? url.href : undefined;
}

/** How deep quotes and lists of one line nest at most. */
function nesting(text: string): number {
  let deepest = 0;
  for (const line of text.split('\n')) {
    const marks = /^(?:\s*(?:>|[-*+](?=\s)|\d{1,9}[.)](?=\s)))+/.exec(line)?.[0] ?? '';
    deepest = Math.max(deepest, marks.replace(/[\s\d]/g, '').length);
  }
  // A list nests by indentation, two columns at least each.
  const indented = /^ +(?=[-*+]|\d)/gm;
  for (const [spaces] of text.matchAll(indented)) deepest = Math.max(deepest, spaces.length / 2);
  return deepest;
}

/** The lexer looks for the other end of each mark: its time grows with their square. 400 take 20 ms. */
const MARKS_LIMIT = 400;
const FENCED = /^```[^]*?^```/gm;

function marks(text: string): number {
  return text.replace(FENCED, '').match(/[*_~`[]/g)?.length ?? 0;
}

/** The tokens of a message; undefined if it had better be shown as it is. */
export function lex(text: string): Token[] | undefined {
  if (nesting(text) > NESTING_LIMIT || marks(text) > MARKS_LIMIT) return undefined;
  return new Lexer({ gfm: true, breaks: false, tokenizer: new ChatTokenizer() }).lex(text);
}

export function escapeText(token: Tokens.Escape): string {
  return ESCAPABLE.has(token.text) ? token.text : token.raw;
}

/** One to three emoji and nothing else: shown large. */
export function onlyEmoji(text: string): boolean {
  const trimmed = text.trim();
  if (trimmed.length > 40 || !/^[\p{Extended_Pictographic}\p{Emoji_Component}\s]+$/u.test(trimmed)) return false;
  const count = [...new Intl.Segmenter().segment(trimmed)].filter(({ segment }) => segment.trim()).length;
  return count <= 3 && /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(trimmed);
}
