import { Component, type ComponentType, lazy, type ReactNode, Suspense, useMemo } from 'react';
import { type ItemPart, itemParts } from '@/lib/module';
import { useCan } from '@/lib/permissions';
import { ErrorState } from '@/ui/ErrorState';
import { Skeleton } from '@/ui/Loading';

type Part = ComponentType<{ item: string }>;
const loaded = new Map<string, Part>();
const lazily = (p: ItemPart): Part => {
  const old = loaded.get(p.id);
  if (old) return old;
  const made = lazy(p.load);
  loaded.set(p.id, made);
  return made;
};

/** Keeps what fails in one part away from the rest of the page. */
class Guard extends Component<{ what: string; children: ReactNode; onRetry: () => void }, { error?: unknown }> {
  state: { error?: unknown } = {};
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  render() {
    if (this.state.error === undefined) return this.props.children;
    const retry = () => {
      this.props.onRetry();
      this.setState({ error: undefined });
    };
    return <ErrorState what={this.props.what} error={this.state.error} retry={retry} small />;
  }
}

export function PartView({ part, item }: { part: ItemPart; item: string }) {
  const View = lazily(part);
  return (
    <Guard what={part.label} onRetry={() => loaded.delete(part.id)} key={`${part.id} ${item}`}>
      <Suspense fallback={part.tab ? <Skeleton /> : null}>
        <View item={item} />
      </Suspense>
    </Guard>
  );
}

/** The parts that other modules add, as far as this person may see them. */
export function useItemParts(): { tabs: ItemPart[]; panels: ItemPart[] } {
  const may = useCan();
  return useMemo(() => {
    const all = itemParts().filter((p) => !p.permission || may(p.permission));
    return { tabs: all.filter((p) => p.tab), panels: all.filter((p) => !p.tab) };
  }, [may]);
}
