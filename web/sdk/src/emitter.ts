import type { Events } from './api.js';

export type Emit = <Name extends keyof Events>(name: Name, event: Events[Name]) => void;

/** Handlers in the order of their coming. What one of them throws is reported as uncaught, behind the others. */
export function createEmitter() {
  const handlers = new Set<[keyof Events, (event: never) => void]>();
  const emit: Emit = (name, event) => {
    for (const [wanted, handler] of handlers) {
      if (wanted !== name) continue;
      try {
        handler(event as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  function on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void) {
    const entry: [Name, typeof handler] = [name, handler];
    handlers.add(entry);
    return () => void handlers.delete(entry);
  }
  return { emit, on };
}
