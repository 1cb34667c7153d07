/** Parameters of a page; what is `undefined` or empty is left out, lists are repeated. */
export type Params = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export function toSearch(params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    for (const one of Array.isArray(value) ? (value as string[]) : [value])
      if (one !== undefined && one !== '') search.append(name, String(one));
  return search.toString();
}
