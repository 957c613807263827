"""The definitions, as plain float64 loops: slow, and obviously right."""

import itertools
import math

import numpy as np
import scipy.linalg


def average_precision_of_order(relevant):
    """AP of one ranked list of booleans."""
    found, total = 0, 0.0
    for rank, hit in enumerate(relevant, 1):
        if hit:
            found += 1
            total += found / rank
    return total / found if found else math.nan


def orders(scores):
    """All orders of the items that agree with the scores; tied items come in every order."""
    groups = {}
    for i, score in enumerate(scores):
        groups.setdefault(float(score), []).append(i)
    ranked = [groups[score] for score in sorted(groups, reverse=True)]
    for choice in itertools.product(*(list(itertools.permutations(group)) for group in ranked)):
        yield [i for group in choice for i in group]


def over_orders(scores, measure):
    """Mean of `measure(order)` over all orders that agree with the scores."""
    return np.mean([measure(order) for order in orders(scores)])


def expected_average_precision(scores, relevant, k=None, ideal=None):
    """AP (at k) averaged over all orders of tied items, divided by `ideal` (default: the number of relevant items)."""
    n_relevant = sum(map(bool, relevant))
    if not n_relevant:
        return math.nan

    def measure(order):
        found, total = 0, 0.0
        for rank, i in enumerate(order[:k], 1):
            if relevant[i]:
                found += 1
                total += found / rank
        return total / (ideal or n_relevant)

    return over_orders(scores, measure)


def ndcg_of_order(gains, order, k):
    dcg = sum(gains[i] / math.log2(rank + 1) for rank, i in enumerate(order[:k], 1))
    best = sum(g / math.log2(rank + 1) for rank, g in enumerate(sorted(gains, reverse=True)[:k], 1))
    return dcg / best


def cosine(u, v):
    norms = math.sqrt(sum(a * a for a in u)) * math.sqrt(sum(b * b for b in v))
    return sum(a * b for a, b in zip(u, v, strict=True)) / norms if norms else 0.0


def mean_squared_distance(rows, others):
    """1/n sum_i |x_i - y_i|^2, over single numbers."""
    total = 0.0
    for a, b in zip(rows, others, strict=True):
        for x, y in zip(a, b, strict=True):
            total += (x - y) ** 2 / len(rows)
    return total


def label_graph(Y, tau, p):
    """DAGNN eqs. 6-8, entry by entry."""
    n, c = Y.shape
    A = np.zeros((c, c))
    for i in range(c):
        for j in range(c):
            both = sum(1 for r in range(n) if Y[r, i] and Y[r, j])
            alone = sum(1 for r in range(n) if Y[r, j])
            conditional = both / alone if alone else 0.0
            A[i, j] = 1.0 if i == j else (p if conditional >= tau else 0.0)
    return A


def pls_by_deflating_data(X, Y, k):
    """Canonical PLS on centred data: weights by SVD, both views deflated by their own scores."""
    X, Y = X.copy(), Y.copy()
    xs, ys = [], []
    for _ in range(k):
        U, _, Vt = np.linalg.svd(X.T @ Y)
        u, v = U[:, 0], Vt[0]
        if u[np.abs(u).argmax()] < 0:
            u, v = -u, -v
        xi, omega = X @ u, Y @ v
        X -= np.outer(xi, X.T @ xi / (xi @ xi))
        Y -= np.outer(omega, Y.T @ omega / (omega @ omega))
        xs.append(xi)
        ys.append(omega)
    return np.column_stack(xs), np.column_stack(ys)


def weighted_covariances(X, T, W):
    """ml-CCA: C_xy, C_xx, C_yy as sums over all pairs (i, j) of centred rows."""
    X, T = X - X.mean(axis=0), T - T.mean(axis=0)
    C_xt = sum(W[i, j] * np.outer(X[i], T[j]) for i in range(len(X)) for j in range(len(T)))
    C_xx = sum(W[i, j] * np.outer(X[i], X[i]) for i in range(len(X)) for j in range(len(T)))
    C_tt = sum(W[i, j] * np.outer(T[j], T[j]) for i in range(len(X)) for j in range(len(T)))
    return C_xt, C_xx, C_tt


def canonical_directions(C_xt, C_xx, C_tt, ridge):
    """CCA as the textbook's generalised eigenproblem of both views together: correlations, image and text directions.

    The ridge is in units of the mean variance. The largest entry of each image direction is positive.
    """
    d, e = C_xt.shape
    cross = np.block([[np.zeros((d, d)), C_xt], [C_xt.T, np.zeros((e, e))]])
    within = scipy.linalg.block_diag(
        C_xx + ridge * np.trace(C_xx) / d * np.eye(d), C_tt + ridge * np.trace(C_tt) / e * np.eye(e)
    )
    correlations, directions = scipy.linalg.eigh(cross, within)
    order = np.argsort(-correlations)[: min(d, e)]
    image, text = directions[:d, order], directions[d:, order]
    sign = np.sign(image[abs(image).argmax(axis=0), range(len(order))])
    return correlations[order], image * sign, text * sign


def joint_directions(views, ridge):
    """CCA of several views: covariances entry by entry, then the generalised eigenproblem of all views together.

    The ridge is in units of the mean variance of each view. Eigenvalues, decreasing, and the directions of every view.
    """
    n = len(views[0])
    columns = [(v, column - sum(column) / n) for v, view in enumerate(views) for column in np.transpose(view)]
    S, D = np.zeros((len(columns),) * 2), np.zeros((len(columns),) * 2)
    for i, (own, x) in enumerate(columns):
        for j, (other, y) in enumerate(columns):
            S[i, j] = sum(a * b for a, b in zip(x, y, strict=True)) / (n - 1)
            D[i, j] = S[i, j] if own == other else 0.0
    starts = np.cumsum([0] + [view.shape[1] for view in views])
    for start, stop in itertools.pairwise(starts):
        added = ridge * sum(S[i, i] for i in range(start, stop)) / (stop - start)
        for i in range(start, stop):
            S[i, i] += added
            D[i, i] += added
    values, W = scipy.linalg.eigh(S, D)
    W = W[:, ::-1]
    return values[::-1], [W[start:stop] for start, stop in itertools.pairwise(starts)]


def tied_average_precision(scores, relevant, k=None):
    """McSherry and Najork's sum over the places of each tie group, divided by the number of relevant items."""
    groups = {}
    for score, hit in zip(scores.tolist(), relevant.tolist(), strict=True):
        groups.setdefault(score, []).append(hit)
    total, start, above = 0.0, 0, 0
    for score in sorted(groups, reverse=True):
        size, within = len(groups[score]), sum(groups[score])
        for t in range(1, size + 1):
            if k is None or start + t <= k:
                slope = (within - 1) / (size - 1) if size > 1 else 0.0
                total += within / size * (above + 1 + (t - 1) * slope) / (start + t)
        start, above = start + size, above + within
    return total / above if above else math.nan


def share_a_label(Y, i, j):
    """Whether two rows share a label."""
    return any(a and b for a, b in zip(Y[i].tolist(), Y[j].tolist(), strict=True))


def triplets(u, v, Y, hinge, margin):
    """ACMR eq. 4: the mean over all triplets of an anchor, a row that shares a label and one that does not."""
    found = []
    for i in range(len(u)):
        for j in range(len(u)):
            for k in range(len(u)):
                if (i == j or share_a_label(Y, i, j)) and i != k and not share_a_label(Y, i, k):
                    far = margin - math.dist(u[i].tolist(), v[k].tolist())
                    found.append(math.dist(u[i].tolist(), v[j].tolist()) + hinge * max(0.0, far))
    return sum(found) / len(found) if found else 0.0


def circle(S, Y, m, gamma):
    """L2-GCN eq. 15: the circle loss of all pairs of rows."""
    positives, negatives = [], []
    for j in range(len(S)):
        for i in range(j):
            s = S[i][j].item()
            if share_a_label(Y, i, j):
                positives.append(-gamma * max(0.0, 1 + m - s) * (s - (1 - m)))
            else:
                negatives.append(gamma * max(0.0, s + m) * (s - m))
    if not positives or not negatives:
        return 0.0
    return math.log(1 + sum(map(math.exp, positives)) * sum(map(math.exp, negatives)))


def soft_contrastive(u, v, Y, temperature, within):
    """L2-GCN eqs. 18-22: soft contrastive loss, across the modalities and within."""
    n = len(u)
    related = [[1.0 if share_a_label(Y, i, j) else 0.0 for j in range(n)] for i in range(n)]

    def term(a, b, alone):
        total = 0.0
        for i in range(n):
            s = [cosine(a[i].tolist(), row) / temperature for row in b.tolist()]
            targets = [max(0.0, related[i][j] - (i == j)) if alone else related[i][j] for j in range(n)]
            log_sum = math.log(sum(math.exp(1.06 * x) for x in s))
            for j in range(n):
                if targets[j]:
                    total -= targets[j] / sum(targets) * (s[j] - log_sum) / n
        return total

    return term(u, v, False) + term(v, u, False) + within * (term(u, u, True) + term(v, v, True))


def nearest_triplets(anchors, others, alike, margin, k, own):
    """Mean over pairs that belong together of the hinges on the k nearest rows that do not: DSPE, one of its sums."""
    n, total, count = len(anchors), 0.0, 0
    for i in range(n):
        distances = [math.dist(anchors[i], others[j]) for j in range(n)]
        negatives = sorted(distances[j] for j in range(n) if not alike[i][j] and j != i)[:k]
        for j in range(n):
            if (j == i and own) or (j != i and alike[i][j]):
                count += 1
                total += sum(max(0.0, margin + distances[j] - far) for far in negatives)
    return total / max(count, 1)


def neighbour_votes(predicted, rows, labels, k):
    """The votes for one row, number by number."""
    distances = [math.sqrt(sum((a - b) ** 2 for a, b in zip(predicted, row, strict=True))) for row in rows]
    found = [0.0] * labels.shape[1]
    total = 0.0
    for i in np.argsort(distances)[:k]:
        weight = 1 / (1 + math.exp(distances[i]))
        total += weight
        for j, y in enumerate(labels[i]):
            found[j] += weight * y / math.sqrt(sum(labels[i]))
    return [value / total for value in found]
