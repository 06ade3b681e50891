export type * from './api.ts';
export { StarlingError } from './error.ts';
