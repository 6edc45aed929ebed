/** A row by the names of its columns. */
export type Values = Readonly<Record<string, unknown>>;

/** Makes bytes of rows, page by page. The same rows give the same bytes, however they are split into pages. */
export interface Encoder {
  begin(): Buffer;
  take(page: readonly Values[]): Buffer;
  end(): Buffer;
}
