/** One step of a schema, never changed once it has been released; the name orders it. */
export interface Migration {
  readonly name: string;
  readonly up: string;
}
