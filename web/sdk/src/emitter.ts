import type { Events } from './api.js';

export type Emit = <Name extends keyof Events>(name: Name, event: Events[Name]) => void;

/** Handlers by event. What one of them throws is reported as uncaught, behind the others. */
export function createEmitter() {
  const handlers = new Map<keyof Events, Set<(event: never) => void>>();
  const emit: Emit = (name, event) => {
    for (const handler of handlers.get(name) ?? []) {
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
    const those = handlers.get(name) ?? new Set();
    handlers.set(name, those.add(handler));
    return () => void those.delete(handler);
  }
  return { emit, on };
}
