// Runs the rules against a server and names those that do not hold: node run.mjs URL
import { pathToFileURL } from 'node:url';
import { rules, unseen, watched } from './rules.mjs';
import { Run } from './witness.mjs';

const SIDE_BY_SIDE = 6;

// [{number, promise, fault}]; fault is undefined where the rule holds.
export async function judge(url) {
  const run = new Run(url);
  const people = { run };
  for (const name of ['ann', 'bob', 'cid']) people[name] = await run.user(name);
  const verdicts = [];
  const waiting = rules.map((rule, index) => ({ ...rule, index }));
  const work = async () => {
    for (let rule; (rule = waiting.shift()); ) {
      const { number, promise, check, index } = rule;
      const fault = await check(people).then(() => undefined, ({ message }) => message.replace(/\s+/g, ' ').slice(0, 400));
      verdicts[index] = { number, promise, fault };
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  for (const { number, promise, faults } of watched) {
    verdicts.push({ number, promise, fault: [...faults(run)][0] });
  }
  return verdicts;
}

async function main([url, ...others]) {
  if (!/^https?:\/\//.test(url ?? '') || others.length > 0) {
    console.error('usage: tools/conformance URL\nThe server has to let users register, in token mode.');
    return 64;
  }
  const verdicts = await judge(url).catch((error) => console.error(`conformance: ${url}: ${error.cause?.message ?? error.message}`));
  if (!verdicts) return 69;
  for (const { number, promise, fault } of verdicts) {
    console.log(fault === undefined ? `ok      ${number}  ${promise}` : `BROKEN  ${number}  ${promise}\n        ${fault}`);
  }
  const broken = verdicts.filter(({ fault }) => fault !== undefined);
  console.log(`not seen from outside: ${unseen.join(', ')}`);
  console.log(`${verdicts.length - broken.length} rules hold, ${broken.length} broken`);
  return broken.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exit(await main(process.argv.slice(2)));
