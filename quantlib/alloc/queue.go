package alloc

import "cmp"

// queue is a heap of nodes: the least bound first, of equals the older node.
type queue[N interface {
	place() (bound float64, number int)
}] []N

func (q queue[N]) Len() int { return len(q) }
func (q queue[N]) Less(i, j int) bool {
	a, m := q[i].place()
	b, n := q[j].place()
	return cmp.Or(cmp.Compare(a, b), cmp.Compare(m, n)) < 0
}
func (q queue[N]) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue[N]) Push(x any)   { *q = append(*q, x.(N)) }
func (q *queue[N]) Pop() any {
	old := *q
	x := old[len(old)-1]
	var none N
	old[len(old)-1] = none
	*q = old[:len(old)-1]
	return x
}
