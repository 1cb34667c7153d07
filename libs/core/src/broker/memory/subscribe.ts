/** Each subscription is a member of its own, so that one listener may subscribe twice. */
export function subscribe<Listener>(listeners: Set<Listener>, member: Listener): () => Promise<void> {
  listeners.add(member);
  return async () => void listeners.delete(member);
}
