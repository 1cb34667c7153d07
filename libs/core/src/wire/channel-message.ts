/** A message of our channels `group_news` and `ended`: a word, a space, and the name of the group or the id of the task. */
export function readChannelMessage<Word extends string>(
  message: string,
): { readonly word: Word; readonly name: string } {
  const space = message.indexOf(' ');
  return { word: message.slice(0, space) as Word, name: message.slice(space + 1) };
}
