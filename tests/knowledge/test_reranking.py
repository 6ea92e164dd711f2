"""What a hybrid search finds, in the re-ranker's order, and in its own where the re-ranker is down."""

from stepladder.core import UpstreamFailed
from stepladder.knowledge import Document, Knowledge, Query, SearchMode


class Shortest:
    """Likes short passages."""

    candidates = 3
    down = False

    def scores(self, query, texts):
        if self.down:
            raise UpstreamFailed("r", "r cannot be asked.")
        return [-len(text) for text in texts]


def test_a_hybrid_search_is_put_in_order_by_the_re_ranker_where_it_can_be_asked(tmp_path):
    reranker = Shortest()
    knowledge = Knowledge.open(tmp_path / "knowledge.db", reranker=reranker)
    try:
        texts = ["otter otter otter otter", "an otter and a heron by the river", "otter", "a heron"]
        knowledge.add("c", [Document(str(number), text) for number, text in enumerate(texts)])

        def found(mode=SearchMode.HYBRID, top=10):
            return [hit.passage.document for hit in knowledge.search(Query("otter", "c", mode=mode, top=top))]

        own = found(SearchMode.LEXICAL)
        assert found() == ["2", "0", "1"]
        assert found(top=1) == ["2"]  # looked for deeper than it was asked
        reranker.down = True
        assert found() == own
    finally:
        knowledge.close()
