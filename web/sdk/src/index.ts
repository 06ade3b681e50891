export type * from './api.js';
export { StarlingError } from './error.js';
