"""Arrays in, arrays out: neighbors, clusters, elbow, map, representatives, ranking, evaluation.

Touches no file and knows no catalog; usable with any vectors. Only NumPy is loaded with it.
"""

from __future__ import annotations

from lookalike.analysis.adapting import Adaptation, adapt_points, learn_map
from lookalike.analysis.clusters import Refined, Sweep, kmeans_sweep, refine, refine_best, settle
from lookalike.analysis.colorless import Colorless, fit_colorless
from lookalike.analysis.diversity import BALANCE, NEAR, Chosen, diversify
from lookalike.analysis.elbow import find_elbow
from lookalike.analysis.evaluation import agreement, knn_accuracy, mean_interval, nearest_found
from lookalike.analysis.evidence import adjusted_rand, elbow_interval, silhouette, weigh
from lookalike.analysis.layout import neighbors_kept, neighbors_needed, place_new, tsne, tsne_with_loss
from lookalike.analysis.manifold import load_umap, umap
from lookalike.analysis.mixing import mix
from lookalike.analysis.neighbors import nearest_neighbors
from lookalike.analysis.overlap import (
    Changed,
    Comparison,
    Difference,
    most_changed,
    overlap,
    paired_difference,
    rank_biased_overlap,
)
from lookalike.analysis.penalties import Field, Penalties, make_field, nearest_preferred
from lookalike.analysis.preference import Preference, preference
from lookalike.analysis.ranking import Searcher, nearest_in, score, typical_distance
from lookalike.analysis.representatives import Trait, describe, exemplars, reach, representatives
from lookalike.analysis.scores import (
    Evaluation,
    Group,
    PairAgreement,
    by_group,
    judge_pairs,
    ndcg,
    ndcg_shares,
    precision_at,
)
from lookalike.analysis.spread import picture_order, spread_levels
from lookalike.analysis.teaching import teach
from lookalike.analysis.tuning import Learned, learn_weights
from lookalike.analysis.updating import update_neighbors
from lookalike.analysis.whitening import Part, Whitening, beside, fit_looks, fit_whitening, sample_rows

__all__ = [
    "BALANCE",
    "NEAR",
    "Adaptation",
    "Changed",
    "Chosen",
    "Colorless",
    "Comparison",
    "Difference",
    "Evaluation",
    "Field",
    "Group",
    "Learned",
    "PairAgreement",
    "Part",
    "Penalties",
    "Preference",
    "Refined",
    "Searcher",
    "Sweep",
    "Trait",
    "Whitening",
    "adapt_points",
    "adjusted_rand",
    "agreement",
    "beside",
    "by_group",
    "describe",
    "diversify",
    "elbow_interval",
    "exemplars",
    "find_elbow",
    "fit_colorless",
    "fit_looks",
    "fit_whitening",
    "judge_pairs",
    "kmeans_sweep",
    "knn_accuracy",
    "learn_map",
    "learn_weights",
    "load_umap",
    "make_field",
    "mean_interval",
    "mix",
    "most_changed",
    "ndcg",
    "ndcg_shares",
    "nearest_found",
    "nearest_in",
    "nearest_neighbors",
    "nearest_preferred",
    "neighbors_kept",
    "neighbors_needed",
    "overlap",
    "paired_difference",
    "picture_order",
    "place_new",
    "precision_at",
    "preference",
    "rank_biased_overlap",
    "reach",
    "refine",
    "refine_best",
    "representatives",
    "sample_rows",
    "score",
    "settle",
    "silhouette",
    "spread_levels",
    "teach",
    "tsne",
    "tsne_with_loss",
    "typical_distance",
    "umap",
    "update_neighbors",
    "weigh",
]
