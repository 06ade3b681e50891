import type { Token, Tokens } from 'marked';
import { escapeText, lex, safeAddress } from './lexer';

/** A message on one line, without its marks: for lists, and for who listens. At most `limit`
 * characters of it are looked at. */
export function plainText(text: string, limit: number): string {
  const part = text.slice(0, limit);
  return textOf(lex(part) ?? [], part).replace(/\s+/g, ' ').trim();
}

function textOf(tokens: readonly Token[], otherwise: string): string {
  return tokens.length > 0 ? tokens.map(one).join('') : otherwise;
}

function one(token: Token): string {
  switch (token.type) {
    case 'codespan':
      return token['text'];
    case 'code':
      return `${token['text']} `;
    case 'escape':
      return escapeText(token as Tokens.Escape);
    case 'list':
      return (token as Tokens.List).items.map((item) => `${textOf(item.tokens, item.text)} `).join('');
    case 'link':
      return safeAddress((token as Tokens.Link).href) ? textOf(token.tokens ?? [], token.raw) : token.raw;
    case 'paragraph':
    case 'blockquote':
      return `${textOf(token.tokens ?? [], token.raw)} `;
    case 'image': // as it is shown: not at all an image
      return token.raw;
    default:
      return textOf('tokens' in token ? (token.tokens ?? []) : [], token.raw);
  }
}
