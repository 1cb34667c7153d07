/** A message of our channels `group_changed` and `ended`: a word, a space, and the name of the group or the id of the task. */
export function readChannelMessage(message: string): { readonly word: string; readonly name: string } {
  const space = message.indexOf(' ');
  return { word: message.slice(0, space), name: message.slice(space + 1) };
}
