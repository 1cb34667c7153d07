import { createContext, type ReactNode, useContext, useMemo, useState } from 'react';

/** Opens a dialog over the page; it gets a function that closes it. */
export type OpenDialog = (dialog: (close: () => void) => ReactNode) => void;

const DialogContext = createContext<OpenDialog | undefined>(undefined);

export function useDialog(): OpenDialog {
  const open = useContext(DialogContext);
  if (!open) throw new Error('outside of ActionHost');
  return open;
}

/** Holds the dialog of the action that is under way: it stays while the page below is read again. */
export function ActionHost({ children }: { readonly children: ReactNode }) {
  const [dialog, setDialog] = useState<{ readonly nth: number; readonly draw: (close: () => void) => ReactNode }>();
  const open = useMemo<OpenDialog>(() => (draw) => setDialog((before) => ({ nth: (before?.nth ?? 0) + 1, draw })), []);
  // Another dialog may have taken its place, such as the report of what it did.
  const close = (nth: number): void => setDialog((now) => (now?.nth === nth ? undefined : now));
  return (
    <DialogContext value={open}>
      {children}
      {dialog && <Keyed key={dialog.nth}>{dialog.draw(() => close(dialog.nth))}</Keyed>}
    </DialogContext>
  );
}

/** Two dialogs one after the other share no state. */
function Keyed({ children }: { readonly children: ReactNode }) {
  return children;
}
