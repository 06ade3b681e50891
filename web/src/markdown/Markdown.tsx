// A message's text as elements. Each comes from a fixed list below and gets text as its only
// content: there is nothing in here that could take HTML.

import type { Token, Tokens } from 'marked';
import type { ComponentChild } from 'preact';
import { t } from '../i18n';
import { escapeText, lex, onlyEmoji, safeAddress } from './lexer';

export function Markdown({ text }: { text: string }) {
  if (onlyEmoji(text)) return <p class="emoji">{text.trim()}</p>;
  const tokens = lex(text);
  return <>{tokens ? nodes(tokens) : <p>{text}</p>}</>;
}

function nodes(tokens: readonly Token[] | undefined): ComponentChild[] {
  return (tokens ?? []).map(node);
}

function node(token: Token): ComponentChild {
  switch (token.type) {
    case 'paragraph':
      return <p>{nodes(token.tokens)}</p>;
    case 'text': // its `text` has numeric references (&#60;) read already
      return token.tokens ? nodes(token.tokens) : token.raw;
    case 'strong':
      return <strong>{nodes(token.tokens)}</strong>;
    case 'em':
      return <em>{nodes(token.tokens)}</em>;
    case 'del':
      return <del>{nodes(token.tokens)}</del>;
    case 'codespan':
      return <code dir="ltr">{token['text']}</code>;
    case 'code':
      return codeBlock(token as Tokens.Code);
    case 'blockquote':
      return <blockquote>{nodes(token.tokens)}</blockquote>;
    case 'list':
      return list(token as Tokens.List);
    case 'link':
      return link(token as Tokens.Link);
    case 'escape':
      return escapeText(token as Tokens.Escape);
    case 'br':
      return '\n';
    case 'space':
      return null;
    default: // an image, a box to tick: what was typed
      return token.raw;
  }
}

// It scrolls in itself, so the keyboard must be able to come to it.
function codeBlock(token: Tokens.Code) {
  return (
    <pre dir="ltr" tabIndex={0} role="group" aria-label={t('timeline.code')}>
      <code>{token.text}</code>
    </pre>
  );
}

function list(token: Tokens.List) {
  const items = token.items.map((item) => <li>{nodes(item.tokens)}</li>);
  return token.ordered ? <ol start={Number(token.start) || 0}>{items}</ol> : <ul>{items}</ul>;
}

function link(token: Tokens.Link) {
  const address = safeAddress(token.href);
  if (!address) return token.raw;
  return (
    <a href={address} title={address} target="_blank" rel="noopener noreferrer nofollow">
      {nodes(token.tokens)}
    </a>
  );
}
