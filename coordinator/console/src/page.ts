// What a page is, and which one an address shows.

export interface Page {
  readonly element: HTMLElement;
  readonly title: string;
  /** Shown, with what follows its name in the address. */
  readonly enter: (rest: string) => void;
  /** Not shown any more. */
  readonly leave: () => void;
}

export interface Address {
  readonly page: string;
  readonly rest: string;
}

/** #/recording/ID is the page "recording" and the rest "ID". */
export function address(hash: string): Address {
  const [, page = "", ...rest] = hash.split("/");
  return { page, rest: decoded(rest.join("/")) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
