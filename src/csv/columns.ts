/** A column of a source, as sent. */

export interface Column {
  /** Position in the source. */
  index: number;
  /** API name that is sent. */
  name: string;
}
