export type * from './api.js';
export { Starling } from './client.js';
export { StarlingError } from './error.js';
export { indexedDbOutbox } from './indexeddb.js';
