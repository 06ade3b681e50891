import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Signal } from '@preact/signals';

interface Props {
  open: Signal<boolean>;
  label: string;
  class: string;
  children: ComponentChildren;
}

/** A modal dialog: the browser keeps focus in it and gives it back. Escape and a click beside it close it. */
export function Dialog({ open, label, class: name, children }: Props) {
  if (!open.value) return null;
  const close = () => (open.value = false);
  return (
    <Modal label={label} class={name} close={close}>
      {children}
    </Modal>
  );
}

function Modal({ label, class: name, close, children }: Omit<Props, 'open'> & { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current!;
    const before = document.activeElement as HTMLElement | null;
    shown.showModal();
    return () => {
      shown.close();
      before?.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={name}
      aria-label={label}
      onClose={close}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => event.target === event.currentTarget && close()}
    >
      {children}
    </dialog>
  );
}
