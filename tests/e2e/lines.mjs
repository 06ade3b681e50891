// A helper process's lines of standard output, as they come.
import { within } from './harness.mjs';

export class Lines {
  constructor(child) {
    this.child = child;
    this.lines = [];
    this.changed = () => {};
    let rest = '';
    child.stdout.on('data', (data) => {
      const parts = (rest + data).split('\n');
      rest = parts.pop();
      this.lines.push(...parts);
      this.changed();
    });
  }
  until(found, what) {
    return within(new Promise((resolve) => {
      this.changed = () => {
        const line = this.lines.find(found);
        if (line !== undefined) resolve(line);
      };
      this.changed();
    }), `${what}; there is ${JSON.stringify(this.lines.slice(-5))}`);
  }
}
