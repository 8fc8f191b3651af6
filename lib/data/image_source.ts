/**
 * Where one encoded image is: all a decode worker needs to read it by itself.
 *
 * A record carries its class in its header; a file's class comes from the list or folder that named it.
 */
export type ImageSource =
  | { readonly kind: "record"; readonly path: string; readonly offset: number }
  | { readonly kind: "file"; readonly path: string; readonly label: number }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };
